/* A terminal that nobody touches asks, and then forgets. Without this script the page itself leads to the end. */
"use strict";
(function () {
  window.addEventListener("pageshow", function (event) { if (event.persisted) { window.location.reload(); } });
  var box = document.querySelector("[data-idle]");
  if (!box) { return; }
  var whole = Number(box.dataset.idle), warned = 20, left = whole, count = box.querySelector("[data-left]");
  function stay() { left = whole; if (box.open) { box.close(); } }
  function touched(event) { if (!box.open || event.target === box || !box.contains(event.target)) { stay(); } }
  ["pointerdown", "keydown", "wheel", "touchstart"].forEach(function (name) {
    document.addEventListener(name, touched, { passive: true });
  });
  box.querySelector("[data-stay]").addEventListener("click", stay);
  window.setInterval(function () {
    left -= 1;
    if (left <= 0) { window.location.replace(box.dataset.end); return; }
    if (left <= warned) {
      count.textContent = String(left);
      if (!box.open) { box.showModal(); }
    }
  }, 1000);
})();
