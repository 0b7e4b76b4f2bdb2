/* Keys on every page, clips in step, and a run's page that renews itself when something new is there. */
"use strict";

(() => {
  const typing = (target) => target.closest("input, textarea, select, [contenteditable]") !== null;
  const rows = () => [...document.querySelectorAll(".row")];
  let at = -1;
  let went = 0;

  const move = (step) => {
    const listed = rows();
    if (!listed.length) return;
    listed[at]?.classList.remove("at");
    at = Math.min(listed.length - 1, Math.max(0, at + step));
    listed[at].classList.add("at");
    listed[at].scrollIntoView({ block: "nearest" });
    listed[at].querySelector("a")?.focus({ preventScroll: true });
  };

  const clips = () => [...document.querySelectorAll("video")];

  const playAll = () => {
    const found = clips();
    if (!found.length) return;
    const start = found.every((clip) => clip.paused);
    const when = found[0].currentTime;
    for (const clip of found) {
      if (!start) { clip.pause(); continue; }
      if (Math.abs(clip.currentTime - when) > 0.05) clip.currentTime = when;
      clip.play().catch(() => {});
    }
  };

  const together = (group) => {
    const found = [...group.querySelectorAll("video")];
    const led = new Set(); // clips that follow: their own seek moves nobody
    for (const clip of found) {
      clip.addEventListener("seeked", () => {
        if (led.delete(clip)) return;
        for (const other of found) {
          if (other === clip || Math.abs(other.currentTime - clip.currentTime) < 0.15) continue;
          led.add(other);
          other.currentTime = clip.currentTime;
        }
      });
      clip.addEventListener("ratechange", () => { for (const other of found) other.playbackRate = clip.playbackRate; });
    }
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (typing(event.target)) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    if (document.querySelector("dialog[open]")) return;
    const tab = Date.now() - went < 1200 ? document.querySelector(`.tabs [data-key="${CSS.escape(event.key)}"]`) : null;
    went = 0;
    if (tab) tab.click();
    else if (event.key === "/") { event.preventDefault(); document.getElementById("q").focus(); }
    else if (event.key === "?") document.getElementById("keys").showModal();
    else if (event.key === "j") move(1);
    else if (event.key === "k") move(-1);
    else if (event.key === "g") went = Date.now();
    else if (event.key === " " && !event.target.closest("button, a, video, summary")) {
      if (clips().length) { event.preventDefault(); playAll(); }
    }
  });

  let known = null;
  document.addEventListener("htmx:after:swap", () => {
    const live = document.getElementById("live");
    if (!live || live.dataset.version === known) return;
    if (known !== null) renew();
    known = live.dataset.version;
  });

  // What else the page shows is fetched anew only when the journal has grown: lineage, table, verdict.
  const renew = async () => {
    const answer = await fetch(location.href).catch(() => null);
    if (!answer?.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const id of ["#verdict", "#tree", "#list"]) {
      const fresh = page.querySelector(id);
      const old = document.querySelector(id);
      const busy = old?.contains(document.activeElement) || old?.querySelector(":checked");
      if (fresh && old && !busy) old.replaceWith(document.adoptNode(fresh));
    }
    window.drawPlots();
  };

  document.addEventListener("DOMContentLoaded", () => {
    known = document.getElementById("live")?.dataset.version ?? null;
    document.getElementById("play-all")?.addEventListener("click", playAll);
    document.querySelectorAll("[data-sync]").forEach(together);
  });
})();
