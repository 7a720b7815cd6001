// What a guess says whose kernel is gone: its button would be pressed in vain.
// `this` is the style element below the question; the box around it may come later than it.
const began = Date.now();
const watch = () => {
  const box = this.closest(".labkit-predict");
  if (!box) {
    if (Date.now() - began < 60000) setTimeout(watch, 50);
    return;
  }
  const warn = () => {
    const parts = box.querySelectorAll(".widget-html-content"), said = parts[parts.length - 1];
    if (!said || said.dataset.gone || !box.classList.contains("jupyter-widgets-disconnected")) return;
    said.dataset.gone = "yes";
    said.innerHTML = "<div role='status'>The kernel was restarted, so no guess is taken. Click the code above, " +
      "choose Run > Run All Above Selected Cell, then press Shift+Enter.</div>";
  };
  new MutationObserver(warn).observe(box, {attributeFilter: ["class"]});
  warn();
};
watch();
