"use strict";
// Everything works without this file. It says which time zone a browser is in, keeps live parts gentle, and finds the search.
for (const field of document.querySelectorAll("input[data-zone]")) {
  field.value = Intl.DateTimeFormat().resolvedOptions().timeZone || "";
}

document.addEventListener("keydown", (event) => {
  const search = document.querySelector("input[data-key]");
  if (search && event.key.toLowerCase() === search.dataset.key && (event.metaKey || event.ctrlKey)) {
    event.preventDefault();
    search.focus();
  }
});

// Where answers are numbered, a digit gives one.
document.addEventListener("keydown", (event) => {
  if (event.metaKey || event.ctrlKey || event.altKey || event.target.closest("input, select, textarea")) return;
  const answer = /^[1-9]$/.test(event.key) && document.querySelector(`[data-digit="${event.key}"]`);
  if (answer) answer.click();
});

// The recording as a picture: where it is pressed, the player goes on from there.
const player = () => document.getElementById("sound");
document.addEventListener("click", (event) => {
  const wave = event.target.closest("[data-wave]");
  if (!wave || !player()) return;
  const box = wave.getBoundingClientRect();
  player().currentTime = (((event.clientX - box.left) / box.width) * Number(wave.dataset.wave)) / 1000;
  player().play();
});
document.addEventListener("timeupdate", ({ target }) => {
  const wave = target === player() && document.querySelector("[data-wave]");
  if (!wave) return;
  const at = String((target.currentTime * 1e6) / Number(wave.dataset.wave));
  for (const end of ["x1", "x2"]) wave.querySelector(".now").setAttribute(end, at);
}, true);

// A file may be dropped on its form.
for (const form of document.querySelectorAll("[data-drop]")) {
  const field = form.querySelector("input[type=file]");
  const over = (is) => (event) => { event.preventDefault(); form.classList.toggle("over", is); };
  form.addEventListener("dragover", over(true));
  form.addEventListener("dragleave", over(false));
  form.addEventListener("drop", (event) => {
    over(false)(event);
    if (event.dataTransfer.files.length > 0) field.files = event.dataTransfer.files;
  });
}

// Live parts are renewed by htmx. What somebody is in the middle of stays as it is: an open part, a form, a player that plays.
if (window.Idiomorph) {
  const same = (old, now, name) => old.getAttribute?.(name) === now.getAttribute?.(name);
  Object.assign(Idiomorph.defaults.callbacks, {
    beforeAttributeUpdated: (name) => name !== "open",
    beforeNodeMorphed: (old, now) =>
      !(old.nodeName === "FORM" && same(old, now, "action")) && !(old.nodeName === "AUDIO" && !old.paused),
  });
}

// Nobody looks: nothing is asked for, and the stream is free for another page.
let stream = null;
const on = (names, act) => { for (const name of names) document.addEventListener("htmx:" + name, act); };
on(["beforeRequest"], (event) => document.hidden && event.preventDefault());
document.addEventListener("visibilitychange", () => {
  if (stream && document.hidden) { stream.away = true; stream.close(); }
  else if (stream?.away) stream.onerror();
});

let lost = null;
const found = () => { lost?.remove(); lost = null; };
on(["sseOpen"], (event) => { stream = event.detail.source; found(); });
on(["sseClose"], () => { stream = null; });
on(["afterSwap"], found);
on(["sseError", "responseError", "sendError", "timeout"], (event) => {
  const part = event.target.closest("[data-lost]");
  if (lost || !part || event.detail.source?.away) return;
  lost = document.createElement("p");
  lost.className = "alarm";
  lost.setAttribute("role", "status");
  const clock = { timeZone: document.body.dataset.zone, timeZoneName: "short" };
  lost.textContent = `${part.dataset.lost} ${new Date().toLocaleTimeString("en-GB", clock)}`;
  part.before(lost);
});
