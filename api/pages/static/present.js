/* The page of a code counts down and says who opened it; the page of whoever opened it goes when its time is over.
   Without this script both still work: the time stands there in words. */
"use strict";
(function () {
  var card = document.querySelector("[data-code]");
  if (card) {
    var left = Number(card.dataset.seconds), line = card.querySelector("[data-countdown]"), said = card.querySelector("[data-said]");
    var shown = line.textContent, end = Date.now() + left * 1000;
    var tell = function (words) { card.classList.add("over"); line.hidden = true; said.hidden = false; said.textContent = words; };
    var tick = window.setInterval(function () {
      var rest = Math.max(0, Math.round((end - Date.now()) / 1000));
      line.textContent = shown + " · " + Math.floor(rest / 60) + ":" + String(rest % 60).padStart(2, "0");
      if (rest === 0) { window.clearInterval(tick); window.clearInterval(ask); tell(card.dataset.over); }
    }, 500);
    var ask = window.setInterval(function () {
      fetch(card.dataset.code, { credentials: "same-origin" }).then(function (answer) { return answer.json(); }).then(function (found) {
        if (found.state === "open") { return; }
        window.clearInterval(tick); window.clearInterval(ask);
        tell(found.state === "opened" ? card.dataset.opened + found.who : found.word);
      }).catch(function () { /* asked again in a moment */ });
    }, 2500);
  }
  var look = document.querySelector("[data-look]");
  if (look) {
    window.setTimeout(function () {
      document.querySelectorAll(".face, .facts").forEach(function (part) { part.remove(); });
      look.textContent = look.dataset.over;
    }, Number(look.dataset.look) * 1000);
  }
})();
