/* A presentation's code is read by the camera or from a photo, in this browser; nothing but the code is sent. */
"use strict";
(function () {
  var box = document.querySelector("[data-scan]"), form = document.querySelector("[data-scan-form]");
  if (!box || !form || typeof jsQR !== "function") { return; }
  var video = box.querySelector("video"), said = box.querySelector("[data-said]");
  var canvas = document.createElement("canvas"), pen = canvas.getContext("2d", { willReadFrequently: true });
  box.hidden = false;
  function read(source, width, height) {
    var scale = Math.min(1, 1000 / Math.max(width, height));
    canvas.width = Math.round(width * scale); canvas.height = Math.round(height * scale);
    pen.drawImage(source, 0, 0, canvas.width, canvas.height);
    var found = jsQR(pen.getImageData(0, 0, canvas.width, canvas.height).data, canvas.width, canvas.height);
    return found ? found.data : "";
  }
  function send(text) { form.elements.code.value = text; form.requestSubmit(); }
  box.querySelector("[data-camera]").addEventListener("click", function () {
    navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } }).then(function (stream) {
      video.srcObject = stream; video.hidden = false; said.textContent = box.dataset.looking;
      video.play();
      (function look() {
        var text = video.readyState >= 2 ? read(video, video.videoWidth, video.videoHeight) : "";
        if (text) { stream.getTracks().forEach(function (one) { one.stop(); }); send(text); return; }
        window.setTimeout(look, 150);
      })();
    }).catch(function () { said.textContent = box.dataset.denied; });
  });
  box.querySelector("[data-photo]").addEventListener("change", function (event) {
    var file = event.target.files[0];
    if (!file) { return; }
    createImageBitmap(file).then(function (picture) {
      var text = read(picture, picture.width, picture.height);
      if (text) { send(text); } else { said.textContent = box.dataset.none; }
    }).catch(function () { said.textContent = box.dataset.none; });
  });
})();
