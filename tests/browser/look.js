// What tests ask the page: names of controls, contrast of texts, the focus. Shadow trees included.
const all = (root = document) =>
  [...root.querySelectorAll("*")].flatMap((each) => [each, ...(each.shadowRoot ? all(each.shadowRoot) : [])]);

const parentOf = (element) => element.parentElement || element.getRootNode().host || null;

const isSeen = (element) => {
  const box = element.getBoundingClientRect();
  if (!element.checkVisibility({ opacityProperty: true, visibilityProperty: true })) return false;
  for (let each = element; each; each = parentOf(each)) {
    const style = getComputedStyle(each);
    if (style.clipPath !== "none" || each.ariaHidden === "true" && each.className.includes("trap")) return false;
  }
  return box.width > 1 && box.height > 1 && box.right > 0 && box.bottom > 0;
};

const paper = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
const rgba = (color) => {
  paper.clearRect(0, 0, 1, 1);
  paper.fillStyle = color;
  paper.fillRect(0, 0, 1, 1);
  const [red, green, blue, alpha] = paper.getImageData(0, 0, 1, 1).data;
  return [red, green, blue, alpha / 255];
};
const over = ([r, g, b, a], below) => [r, g, b].map((each, i) => each * a + below[i] * (1 - a));
const base = () => (matchMedia("(prefers-color-scheme: dark)").matches ? [18, 18, 18] : [255, 255, 255]);

const ground = (element) => {
  const layers = [];
  for (let each = element; each; each = parentOf(each)) {
    const style = getComputedStyle(each);
    if (style.backgroundImage !== "none") return null;
    const color = rgba(style.backgroundColor);
    layers.unshift(color);
    if (color[3] === 1) break;
  }
  return layers.reduce((below, layer) => over(layer, below), base());
};

// https://www.w3.org/TR/WCAG22/#dfn-relative-luminance and #dfn-contrast-ratio
const luminance = (color) => {
  const [r, g, b] = color.map((each) => {
    const share = each / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const ratio = (one, other) => {
  const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
};

const faintTexts = () =>
  all()
    .filter((each) => [...each.childNodes].some((node) => node.nodeType === 3 && node.data.trim()))
    .filter((each) => !["SCRIPT", "STYLE", "NOSCRIPT", "OPTION", "TITLE"].includes(each.tagName))
    .filter((each) => isSeen(each) && !each.disabled && !each.closest("[aria-disabled=true]"))
    .flatMap((each) => {
      const below = ground(each);
      if (!below) return [];
      const style = getComputedStyle(each);
      const size = parseFloat(style.fontSize);
      const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
      const found = ratio(over(rgba(style.color), below), below);
      if (found >= (isLarge ? 3 : 4.5)) return [];
      return [`${each.tagName.toLowerCase()}.${each.className} "${each.textContent.trim().slice(0, 40)}" ${found.toFixed(2)}`];
    });

const unnamed = () =>
  all()
    .filter((each) => each.matches("input:not([type=hidden]), select, textarea, button, a[href]"))
    .filter((each) => each.checkVisibility({ visibilityProperty: true }) && !each.closest("[aria-hidden=true]"))
    .filter((each) => {
      const words = [each.ariaLabel, each.title, each.alt, ...[...(each.labels || [])].map((label) => label.textContent)];
      if (each.getAttribute("aria-labelledby")) words.push(each.getAttribute("aria-labelledby"));
      if (each.matches("button, a")) words.push(each.textContent, each.querySelector("img, svg[aria-label]")?.alt);
      if (each.matches("input[type=submit]")) words.push(each.value);
      return !words.some((word) => word && word.trim());
    })
    .map((each) => each.outerHTML.slice(0, 120));

const focused = () => {
  let each = document.activeElement;
  while (each && each.shadowRoot && each.shadowRoot.activeElement) each = each.shadowRoot.activeElement;
  if (!each || each === document.body) return null;
  const shown = getComputedStyle(each).opacity === "0" ? each.nextElementSibling || each : each;
  const style = getComputedStyle(shown);
  const isMarked = (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== "none";
  return { name: each.id || each.name || each.textContent.trim().slice(0, 40) || each.tagName, isMarked };
};

const overflows = () => document.documentElement.scrollWidth - document.documentElement.clientWidth;
