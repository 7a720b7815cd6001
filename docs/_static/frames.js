// Sliders that move without a kernel: a frame for each setting was drawn when the site was built.
const make = (name, attributes = {}, text = "") => {
  const node = Object.assign(document.createElement(name), { textContent: text });
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return node;
};

for (const box of document.querySelectorAll(".lk")) {
  const spec = JSON.parse(document.getElementById(box.dataset.frames).textContent);
  const at = spec.controls.map(each => each.start), tell = [], asked = new Map();
  const image = make("img", { width: spec.width, height: spec.height, decoding: "sync" });
  const view = make("div", { class: "lk-view", tabindex: 0, role: "group", "aria-label": "Picture" }); // a phone scrolls it
  view.append(image);
  const reading = make("p", { class: "lk-reading", "aria-live": "polite" });
  const frame = () => spec.frames[at.join()];
  const picture = ([name]) => {
    if (!asked.has(name)) asked.set(name, Object.assign(new Image(), { src: `${spec.path}/${name}` }));
    return asked.get(name);
  };
  const show = () => {
    const now = frame(), next = picture(now);
    reading.textContent = now[1];
    next.decode().catch(() => {}).then(() => {
      if (frame() === now) Object.assign(image, { src: next.src, alt: now[1] || spec.question });
    });
    box.dataset.at = at.join();
  };
  const move = (k, stop) => {
    at[k] = stop;
    if (!frame()) spec.controls.forEach((each, j) => { if (j !== k) at[j] = each.start; }); // one moves at a time
    tell.forEach(each => each());
    show();
  };
  const near = k => { // ask for the frames along this control before it moves
    spec.controls[k].stops.forEach((_, stop) => {
      const there = spec.frames[at.map((each, j) => j === k ? stop : each).join()];
      if (there) picture(there);
    });
  };
  const row = (each, k) => {
    const id = `${box.dataset.frames}-${each.name}`, shown = make("output", { for: id });
    let input;
    if (each.kind === "range") {
      input = make("input", { id, type: "range", min: 0, max: each.stops.length - 1 });
      input.addEventListener("input", () => move(k, +input.value));
      tell.push(() => {
        input.value = at[k];
        shown.value = each.stops[at[k]];
        input.setAttribute("aria-valuetext", shown.value);
      });
    } else if (each.kind === "toggle") {
      input = make("input", { id, type: "checkbox" });
      input.addEventListener("change", () => move(k, +input.checked));
      tell.push(() => { input.checked = at[k] === 1; });
    } else {
      input = make("select", { id });
      each.stops.forEach((text, stop) => input.append(new Option(text, stop)));
      input.addEventListener("change", () => move(k, +input.value));
      tell.push(() => { input.value = at[k]; });
    }
    for (const event of ["pointerenter", "focus"]) input.addEventListener(event, () => near(k));
    const line = make("div", { class: "lk-row" });
    line.append(make("label", { for: id }, each.label), input, shown);
    if (each.epsilon) line.append(make("small", {}, "more private ⟵ ⟶ more accurate"));
    return line;
  };
  const stops = spec.controls.map(each => `${each.label}: ${each.stops.length}`).join(", ");
  const note = `Settings on this page: ${stops}` + (spec.star
    ? ". One control moves at a time: the others go back to where they started." : ", in every combination.");
  box.replaceChildren(make("p", { class: "lk-question" }, spec.question), ...spec.controls.map(row), view, reading,
                      make("p", { class: "lk-note" }, `${note} In the notebook every setting can be had.`));
  tell.forEach(each => each());
  show();
}
