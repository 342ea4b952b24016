"use strict";
// Everything works without this file. It says which time zone a browser is in, renews what runs, and finds the search.
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
for (const wave of document.querySelectorAll("[data-wave]")) {
  const [sound, now, ms] = [document.querySelector("audio"), wave.querySelector(".now"), Number(wave.dataset.wave)];
  if (!sound) continue;
  wave.addEventListener("click", (event) => {
    const box = wave.getBoundingClientRect();
    sound.currentTime = (((event.clientX - box.left) / box.width) * ms) / 1000;
    sound.play();
  });
  sound.addEventListener("timeupdate", () => {
    for (const end of ["x1", "x2"]) now.setAttribute(end, String((sound.currentTime * 1e6) / ms));
  });
}

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

// A page of something that goes on is loaded anew, unless somebody is in the middle of something on it.
for (const part of document.querySelectorAll("[data-reload]")) {
  setInterval(() => {
    const playing = [...document.querySelectorAll("audio")].some((sound) => !sound.paused);
    if (!document.hidden && !playing && !document.querySelector("main :focus, details[open] :checked")) location.reload();
  }, Number(part.dataset.reload));
}

for (const part of document.querySelectorAll("[data-renew]")) {
  const every = 2000;
  let lost = null;
  const again = () => setTimeout(renew, document.hidden ? every * 5 : every);
  async function renew() {
    try {
      const answer = await fetch(part.dataset.renew, { credentials: "same-origin", redirect: "error" });
      if (!answer.ok) throw new Error(String(answer.status));
      const html = await answer.text();
      if (lost) { lost.remove(); lost = null; }
      // Nothing moves under who is in it.
      if (!part.contains(document.activeElement) && part.dataset.was !== html) {
        part.dataset.was = html;
        part.innerHTML = html;
      }
    } catch (_) {
      if (!lost) {
        lost = document.createElement("p");
        lost.className = "alarm";
        lost.setAttribute("role", "status");
        lost.textContent = part.dataset.lost + " " + new Date().toLocaleTimeString();
        part.before(lost);
      }
    }
    again();
  }
  again();
}
