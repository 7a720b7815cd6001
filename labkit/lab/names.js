// What a screen reader says of a slider: its name and its value as the page shows it. And what a widget says whose kernel
// is gone: it would be moved in vain.
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
  const warn = () => {
    const sentence = box.querySelector("[data-painted]");
    if (!box.classList.contains("jupyter-widgets-disconnected") || !sentence || sentence.dataset.gone) return;
    sentence.dataset.gone = "yes";
    sentence.style.color = "var(--jp-error-color1, #A33B00)";
    sentence.textContent = "The kernel was restarted, so these controls move nothing. Click the code above, " +
      "choose Run > Run All Above Selected Cell, then press Shift+Enter.";
  };
  new MutationObserver(warn).observe(box, {attributeFilter: ["class"]});
  warn();
};
name();
