/* A note's place: a line of the code, a moment of the clip, or the whole candidate. And a tab key in the code editor. */
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const form = document.getElementById("note");
  const about = document.getElementById("note-about");
  const whole = about?.textContent;

  const place = (line, second, words) => {
    form.elements.line.value = line;
    form.elements.clip_s.value = second;
    about.textContent = words;
    document.getElementById("note-whole").hidden = words === whole;
    form.elements.text.focus();
  };

  if (form) {
    document.querySelectorAll("button.line").forEach((button) =>
      button.addEventListener("click", () => place(button.dataset.line, "", `${whole}, line ${button.dataset.line}`)));
    document.getElementById("note-whole").addEventListener("click", () => place("", "", whole));
    document.getElementById("note-moment")?.addEventListener("click", () => {
      const clip = document.querySelector("video");
      clip.pause();
      place("", clip.currentTime.toFixed(1), `${whole}, ${clip.currentTime.toFixed(1)} s into its clip`);
    });
  }

  document.getElementById("source")?.addEventListener("keydown", (event) => {
    const box = event.target;
    if (event.key !== "Tab" || event.shiftKey || box.dataset.left) return;
    event.preventDefault();
    box.setRangeText("    ", box.selectionStart, box.selectionEnd, "end");
    box.dispatchEvent(new Event("input", { bubbles: true }));
  });
  // Escape gives the tab key back to the page, so that nobody is caught in the editor.
  document.getElementById("source")?.addEventListener("keyup", (event) => {
    if (event.key === "Escape") event.target.dataset.left = "yes";
    else if (event.key !== "Tab") delete event.target.dataset.left;
  });
});
