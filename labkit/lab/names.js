// What a screen reader says of a slider: its name and its value as the page shows it.
// The sliders of ipywidgets have no name, and a logarithmic one tells its exponent: -0.301 for an epsilon of 0.5.
// `this` is the style element below the widget's title; the sliders may come later than it.
const began = Date.now();
const name = () => {
  const box = this.closest(".labkit-explore"), sliders = box ? box.querySelectorAll(".widget-slider") : [];
  if (!box || sliders.length < +this.dataset.sliders || !box.querySelector("[data-painted]")) {
    if (Date.now() - began < 60000) setTimeout(name, 50);
    return;
  }
  for (const slider of sliders) {
    const handle = slider.querySelector("[role=slider]"), readout = slider.querySelector(".widget-readout");
    const label = slider.querySelector(".widget-label").textContent;
    const tell = () => {
      const said = handle.getAttribute("aria-valuetext"), shown = readout.textContent;
      if (said !== shown) handle.setAttribute("aria-valuetext", shown);
    };
    handle.setAttribute("aria-label", label);
    readout.setAttribute("role", "textbox"); // one can type a value there
    readout.setAttribute("aria-label", label + ", typed");
    new MutationObserver(tell).observe(handle, {attributeFilter: ["aria-valuetext"]});
    new MutationObserver(tell).observe(readout, {childList: true, characterData: true, subtree: true});
    tell();
  }
  box.querySelector("[data-painted]").parentElement.setAttribute("aria-live", "polite");
};
name();
