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
  var button = box.querySelector("[data-camera]"), label = button.querySelector("span"), closed = label.textContent, stream = null;
  function stop() {
    if (stream) { stream.getTracks().forEach(function (one) { one.stop(); }); }
    stream = null; video.hidden = true; video.srcObject = null; said.textContent = ""; label.textContent = closed;
  }
  function look() {
    if (!stream) { return; }
    var text = video.readyState >= 2 ? read(video, video.videoWidth, video.videoHeight) : "";
    if (text) { stop(); send(text); } else { window.setTimeout(look, 150); }
  }
  button.addEventListener("click", function () {
    if (stream) { stop(); return; }
    navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } }).then(function (opened) {
      stream = opened; video.srcObject = opened; video.hidden = false;
      said.textContent = box.dataset.looking; label.textContent = box.dataset.close;
      video.play(); look();
    }).catch(function () { said.textContent = box.dataset.denied; });
  });
  window.addEventListener("pagehide", stop);
  box.querySelector("[data-photo]").addEventListener("change", function (event) {
    var file = event.target.files[0];
    if (!file) { return; }
    createImageBitmap(file).then(function (picture) {
      var text = read(picture, picture.width, picture.height);
      if (text) { send(text); } else { said.textContent = box.dataset.none; }
    }).catch(function () { said.textContent = box.dataset.none; });
  });
})();
