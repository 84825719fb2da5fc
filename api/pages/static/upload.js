/* The file goes as soon as it is chosen, and every check is shown. Without this script the form does all of it at once. */
"use strict";
document.querySelectorAll("form[data-upload]").forEach(function (form) {
  var input = form.querySelector("input[type=file]");
  var kept = form.querySelector("input[name=upload]");
  var said = form.querySelector(".upload-said");
  var bar = form.querySelector(".upload-progress");
  var title = form.querySelector("input[name=title]");
  var preview = form.querySelector(".upload-preview");
  var list = document.getElementById("checks");
  var ahead = Array.from(list.querySelectorAll(".check b")).slice(0, Number(list.dataset.steps)).map(function (one) {
    return {title: one.textContent, state: "none"};
  });
  var running = null, before = "", named = "";

  function say(text, bad) {
    said.hidden = !text;
    said.textContent = text;
    said.classList.toggle("bad", Boolean(bad));
  }
  function picture(upload) {
    var image = preview.querySelector("img");
    preview.hidden = !upload;
    if (upload) { image.src = "/space/materials/new/" + encodeURIComponent(upload) + ".png"; } else { image.removeAttribute("src"); }
  }
  function part(tag, name, text) {
    var one = document.createElement(tag);
    if (name) { one.className = name; }
    if (text) { one.textContent = text; }
    return one;
  }
  function show(steps) {
    list.replaceChildren.apply(list, steps.map(function (step) {
      var item = part("li", "check " + step.state), mark = part("span", "check-mark"), text = part("span");
      mark.setAttribute("aria-hidden", "true");
      text.append(part("b", "", step.title), part("span", "visually-hidden", form.dataset[step.state]));
      if (step.remark) { text.append(part("span", "check-remark", step.remark)); }
      item.append(mark, text);
      return item;
    }));
    var before = document.querySelector(".checks-before");
    if (before) { before.hidden = true; }
  }
  function meter(now) {
    var room = document.getElementById("room");
    if (!room || !now) { return; }
    room.value = now.share;
    document.getElementById("room-text").textContent = now.text;
  }
  function ended(status, answer) {
    bar.hidden = true;
    form.removeAttribute("aria-busy");
    if (!answer) { say(form.dataset.failed, true); return; }
    if (answer.steps) { show(answer.steps); }
    meter(answer.meter);
    if (status !== 201) {
      say([answer.detail || answer.title, answer.remedy ? form.dataset.mend + answer.remedy : ""].filter(Boolean).join(" "), true);
      input.value = "";
      input.required = true;
      return;
    }
    kept.value = answer.upload;
    before = "";
    picture(answer.upload);
    input.required = false;
    say(form.dataset.taken.replace("{name}", answer.name), false);
    if (!title.value || title.value === named) { title.value = named = answer.name.replace(/\.[^.]*$/, "").slice(0, 200); }
  }
  function tooLarge(size, limit) {
    return form.dataset.toolarge.replace("{size}", (size / 1048576).toFixed(1)).replace("{limit}", (limit / 1048576).toFixed(0));
  }
  function send() {
    var file = input.files[0], kind = form.querySelector("input[name=kind]:checked");
    before = kept.value || before;
    kept.value = "";
    picture("");
    show(ahead);
    if (running) { running.abort(); running = null; }
    if (!file || !kind) { return; }
    if (file.size > Number(kind.dataset.limit)) { say(tooLarge(file.size, Number(kind.dataset.limit)), true); input.value = ""; return; }
    var data = new FormData(), request = new XMLHttpRequest();
    data.append("csrf", form.querySelector("input[name=csrf]").value);
    data.append("kind", kind.value);
    data.append("upload", before);
    data.append("file", file, file.name);
    running = request;
    form.setAttribute("aria-busy", "true");
    bar.hidden = false;
    bar.value = 0;
    request.upload.addEventListener("progress", function (event) {
      if (!event.lengthComputable) { return; }
      var percent = Math.round(100 * event.loaded / event.total);
      bar.value = percent;
      say(percent < 100 ? form.dataset.sending.replace("{percent}", String(percent)) : form.dataset.checking, false);
    });
    request.addEventListener("load", function () {
      var answer = null;
      try { answer = JSON.parse(request.responseText); } catch (error) { answer = null; }
      running = null;
      ended(request.status, answer);
    });
    request.addEventListener("error", function () { running = null; ended(0, null); });
    request.open("POST", form.dataset.upload);
    request.setRequestHeader("Accept", "application/json");
    request.send(data);
  }
  input.addEventListener("change", send);
  form.querySelectorAll("input[name=kind]").forEach(function (one) { one.addEventListener("change", send); });
  /* What has been taken already is not sent twice. */
  form.addEventListener("submit", function (event) {
    if (running) { event.preventDefault(); return; }
    if (kept.value) { input.disabled = true; }
  });
});
