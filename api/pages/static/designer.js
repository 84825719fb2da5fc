/* The picture follows what is typed. Without this script the button "save and redraw" does the same. */
"use strict";
document.querySelectorAll("form[data-designer]").forEach(function (form) {
  var picture = document.getElementById("face-picture");
  var said = document.getElementById("face-said");
  var waiting = 0, asked = 0, running = null, changed = false;

  function draw() {
    var number = ++asked;
    if (running) { running.abort(); }
    running = new AbortController();
    var data = new FormData(form);
    data.delete("file");
    said.textContent = form.dataset.drawing;
    fetch(form.dataset.preview, { method: "POST", body: data, signal: running.signal, headers: { "Accept": "image/png, application/problem+json" } })
      .then(function (answer) {
        if (!answer.ok) { return answer.json().then(function (problem) { throw new Error(problem.detail || problem.title); }); }
        return answer.blob();
      })
      .then(function (blob) {
        var reader = new FileReader();
        reader.onload = function () {
          if (number !== asked) { return; }
          picture.src = reader.result;
          picture.classList.remove("stale");
          picture.dataset.drawn = String(number);
          said.textContent = form.dataset.drawn + (changed ? " · " + form.dataset.unsaved : "");
        };
        reader.readAsDataURL(blob);
      })
      .catch(function (error) {
        if (error.name === "AbortError" || number !== asked) { return; }
        picture.classList.add("stale");
        said.textContent = error.message;
      });
  }

  form.addEventListener("input", function (event) {
    if (event.target.type === "file") { return; }
    changed = true;
    window.clearTimeout(waiting);
    waiting = window.setTimeout(draw, 350);
  });
  form.addEventListener("submit", function () { changed = false; });
  window.addEventListener("beforeunload", function (event) { if (changed) { event.preventDefault(); } });
});
