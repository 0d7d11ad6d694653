"use strict";
(() => {
  const SIDES = ["left", "right"];
  const KEYS = { ArrowLeft: "left", 1: "left", ArrowRight: "right", 2: "right" };
  const PAUSE = 300; // milliseconds in which a second click of a double click is no answer
  const LARGEST = 512; // pixels of the page that a picture is wide at most
  const Z = 1.959963984540054; // of a 95 % interval

  const part = (id) => document.getElementById(id);
  const { study, key, width, height, sheets } = JSON.parse(part("pairs").textContent);
  const rounds = sheets.length;
  const canvases = SIDES.map((side) => part(side).querySelector("canvas"));
  const person = Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) =>
    byte.toString(16).padStart(2, "0")).join("");
  const answers = [];
  const pictures = [];
  let open = false; // whether an answer is waited for

  // Each is decoded while the one before it is looked at.
  function picture(round) {
    if (!(round in pictures) && round < rounds) {
      const image = new Image();
      image.src = sheets[round];
      pictures[round] = image.decode().then(() => image);
      pictures[round].catch(() => {}); // It is told of when its turn comes.
    }
    return pictures[round];
  }

  // Small pictures are enlarged by a whole number of the screen's dots, others smoothly.
  function fit() {
    const button = part("left");
    const style = getComputedStyle(button);
    const wide = button.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
    const below = button.querySelector(".name").offsetHeight + 60;
    const tall = window.innerHeight - button.getBoundingClientRect().top - window.scrollY - below;
    const most = Math.min(wide, LARGEST, Math.max(tall, 140) * width / height);
    const dots = window.devicePixelRatio || 1;
    const times = Math.floor(most * dots / width);
    for (const canvas of canvases) {
      canvas.style.imageRendering = times < 2 ? "auto" : "pixelated";
      canvas.style.width = `${times < 2 ? most : times * width / dots}px`;
    }
  }

  async function ask() {
    const round = answers.length;
    let sheet;
    try {
      sheet = await picture(round);
    } catch {
      part("trouble").textContent = "This browser cannot show the pictures: please open the page in another one.";
      part("trouble").hidden = false;
      return;
    }
    canvases.forEach((canvas, side) => {
      canvas.getContext("2d").drawImage(sheet, side * width, 0, width, height, 0, 0, width, height);
    });
    part("round").textContent = `Round ${round + 1} of ${rounds}`;
    part("done").value = round;
    // A screen reader reads the round, and no side keeps the focus.
    if (round > 0) part("round").focus({ preventScroll: true });
    picture(round + 1);
    setTimeout(() => { open = true; }, PAUSE);
  }

  function answer(side) {
    if (!open) return;
    open = false;
    answers.push(side);
    if (answers.length < rounds) ask(); else finish();
  }

  // Two digits a round; their bits are odd in number where the left picture is generated.
  function generated(round) {
    let odd = 0;
    for (let byte = parseInt(key.slice(2 * round, 2 * round + 2), 16); byte; byte >>= 1) odd ^= byte & 1;
    return odd ? "left" : "right";
  }

  function interval(right) {
    const share = right / rounds, spread = Z * Z / rounds;
    const centre = share + spread / 2;
    const half = Z * Math.sqrt((share * (1 - share) + spread / 4) / rounds);
    return [(centre - half) / (1 + spread), (centre + half) / (1 + spread)];
  }

  function finish() {
    const right = answers.map((side, round) => side === generated(round));
    const count = right.filter(Boolean).length;
    const [low, high] = interval(count);
    const percent = (share) => `${Math.round(100 * share)}\u00a0%`;
    part("score").textContent = `${count} of ${rounds} right`;
    part("share").textContent = `That is ${percent(count / rounds)}, with a 95\u00a0% interval from ` +
      `${percent(low)} to ${percent(high)}. Guessing gives 50\u00a0%.`;
    part("meaning").textContent =
      low > 0.5 ? "You can tell the generated pictures from the real ones." :
      high < 0.5 ? "You took the generated pictures for the real ones." :
      "This may as well be chance.";
    part("range").style.left = `${100 * low}%`;
    part("range").style.width = `${100 * (high - low)}%`;
    part("dot").style.left = `${100 * count / rounds}%`;
    part("save").addEventListener("click", () => save(right));
    part("play").hidden = true;
    part("end").hidden = false;
    part("score").focus();
  }

  function save(right) {
    const format = "tf-fewshot study answers";
    const text = JSON.stringify({ format, version: 1, study, person, answers, right }, null, 1);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text + "\n"], { type: "application/json" }));
    link.download = `answers-${study.slice(0, 8)}-${person.slice(0, 8)}.json`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    part("saved").textContent = `Saved as ${link.download}. Send this file to whoever gave you the page.`;
  }

  for (const side of SIDES) part(side).addEventListener("click", () => answer(side));
  document.addEventListener("keydown", (event) => {
    if (event.repeat || event.ctrlKey || event.altKey || event.metaKey || !KEYS[event.key]) return;
    event.preventDefault();
    answer(KEYS[event.key]);
  });
  window.addEventListener("resize", fit);
  fit();
  ask();
})();
