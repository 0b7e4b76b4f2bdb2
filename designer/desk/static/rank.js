/* Answers by key, and an order that is made by dragging, by arrow keys or by its buttons. */
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const form = document.getElementById("question");
  const undo = document.getElementById("undo");
  const list = document.getElementById("order");
  const keys = { ArrowLeft: "first", ArrowRight: "second", a: "first", d: "second", s: "same", b: "bad", t: "unsure" };
  let sent = false;

  const answer = (value) => {
    const button = form?.querySelector(`button[name="answer"][value="${value}"]`);
    if (!button || sent) return;
    sent = true;
    form.requestSubmit(button);
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea")) return;
    if (document.querySelector("dialog[open]")) return;
    if (event.key === "u" && undo) { event.preventDefault(); undo.requestSubmit(); return; }
    if (!form) return;
    if (list && (event.key === "ArrowLeft" || event.key === "ArrowRight")) {
      const card = event.target.closest("#order li");
      if (card) { event.preventDefault(); move(card, event.key === "ArrowLeft" ? -1 : 1); card.focus(); }
      return;
    }
    if (list && event.key === "Enter" && !event.target.closest("button, a, summary")) { event.preventDefault(); answer("order"); return; }
    const value = keys[event.key];
    if (value && form.querySelector(`button[name="answer"][value="${value}"]`)) { event.preventDefault(); answer(value); }
  });

  const cards = () => [...list.children];

  const move = (card, step) => {
    const other = step < 0 ? card.previousElementSibling : card.nextElementSibling;
    if (!other) return;
    list.insertBefore(step < 0 ? card : other, step < 0 ? other : card);
    document.getElementById("moved").textContent = `Clip ${card.dataset.clip} is now number ${cards().indexOf(card) + 1} of ${cards().length}.`;
  };

  if (list) {
    let dragged = null;
    list.addEventListener("dragstart", (event) => {
      dragged = event.target.closest("li");
      dragged.classList.add("dragged");
      event.dataTransfer.effectAllowed = "move";
      event.dataTransfer.setData("text/plain", dragged.dataset.clip);
    });
    list.addEventListener("dragover", (event) => {
      event.preventDefault();
      const over = event.target.closest("li");
      if (!dragged || !over || over === dragged) return;
      const box = over.getBoundingClientRect();
      const after = cards().indexOf(over) > cards().indexOf(dragged) ? event.clientX > box.left + box.width * 0.3 : event.clientX > box.left + box.width * 0.7;
      list.insertBefore(dragged, after ? over.nextElementSibling : over);
    });
    list.addEventListener("drop", (event) => event.preventDefault());
    list.addEventListener("dragend", () => { dragged?.classList.remove("dragged"); dragged = null; });
    list.addEventListener("click", (event) => {
      const button = event.target.closest("[data-move]");
      if (button) { move(button.closest("li"), Number(button.dataset.move)); button.focus(); }
    });
  }

  // All clips begin together, once all can play.
  const clips = [...document.querySelectorAll("#question video")];
  Promise.all(clips.map((clip) => clip.readyState >= 3 ? null : new Promise((ready) => clip.addEventListener("canplay", ready, { once: true }))))
    .then(() => clips.forEach((clip) => { clip.currentTime = 0; clip.play().catch(() => {}); }));
});
