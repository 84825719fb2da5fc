/* Everything works without this script; it only makes the drop zone friendlier and the print button visible. */
"use strict";
document.querySelectorAll("[data-drop]").forEach(function (zone) {
  var input = zone.querySelector("input[type=file]");
  var chosen = zone.querySelector(".chosen");
  var limit = Number(zone.dataset.limit);
  input.addEventListener("change", function () {
    var file = input.files[0];
    if (!file) { chosen.textContent = ""; return; }
    chosen.textContent = file.name;
    if (limit && file.size > limit) { chosen.textContent = file.name + " — " + zone.dataset.toolarge; return; }
    if (input.form.querySelector("details[open]")) { return; } /* more is being filled in: the button sends it */
    input.form.setAttribute("aria-busy", "true");
    input.form.requestSubmit();
  });
  ["dragenter", "dragover"].forEach(function (name) {
    zone.addEventListener(name, function () { zone.classList.add("over"); });
  });
  ["dragleave", "drop"].forEach(function (name) {
    zone.addEventListener(name, function () { zone.classList.remove("over"); });
  });
});
document.querySelectorAll("[data-print]").forEach(function (button) {
  button.hidden = false;
  button.addEventListener("click", function () { window.print(); });
});
document.querySelectorAll("form[data-once]").forEach(function (form) {
  form.addEventListener("submit", function () {
    var buttons = form.querySelectorAll("button[type=submit]");
    window.setTimeout(function () { buttons.forEach(function (one) { one.disabled = true; }); }, 0);
  });
});
var summary = document.querySelector(".error-summary");
if (summary) { summary.focus(); }
/* What is still going on is fetched anew, until the answer no longer asks for it; never under the reader's fingers. */
(function follow() {
  var part = document.querySelector("[data-live]");
  if (!part) { return; }
  window.setTimeout(function () {
    if (document.hidden || part.contains(document.activeElement)) { follow(); return; }
    fetch(window.location.href, { credentials: "same-origin" }).then(function (answer) {
      return answer.ok ? answer.text() : "";
    }).then(function (text) {
      var fresh = new DOMParser().parseFromString(text, "text/html").getElementById(part.id);
      if (fresh) { part.replaceWith(document.importNode(fresh, true)); }
      follow();
    }).catch(follow);
  }, Number(part.dataset.live) * 1000);
})();
/* The menus of the head open and close by themselves; here they also close by Escape and when one goes elsewhere. */
(function menus() {
  var all = document.querySelectorAll("[data-menu]");
  function close(but) { all.forEach(function (one) { if (one !== but) { one.open = false; } }); }
  document.addEventListener("click", function (event) { close(event.target.closest("[data-menu]")); });
  document.addEventListener("focusin", function (event) { close(event.target.closest("[data-menu]")); });
  document.addEventListener("keydown", function (event) {
    var open = event.key === "Escape" && document.querySelector("[data-menu][open]");
    if (!open) { return; }
    open.open = false;
    open.querySelector("summary").focus();
  });
})();
