// What a reader of a page may miss: text of low contrast, controls without a name or too small to
// touch. Returns a list of words. Runs in the page.
(selector) => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = ([r, g, b, a], below) =>
    [r, g, b].map((channel, i) => channel * a + below[i] * (1 - a));
  const background = (element) => {
    const behind = [];
    for (let at = element; at; at = at.parentElement) {
      behind.push(rgba(getComputedStyle(at).backgroundColor));
      if (behind.at(-1)[3] === 1) break;
    }
    return behind.reverse().reduce((below, colour) => over(colour, below), [255, 255, 255]);
  };
  const luminance = (colour) => {
    const [r, g, b] = colour.map((channel) => {
      const c = channel / 255;
      return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (element) => {
    const style = getComputedStyle(element);
    const isSvg = element instanceof SVGElement;
    const below = background(element);
    const ink = over(rgba(isSvg ? style.fill : style.color), below);
    const [low, high] = [luminance(ink), luminance(below)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  const problems = [];
  const root = document.querySelectorAll(selector);
  const all = Array.from(root).flatMap((one) => Array.from(one.querySelectorAll("*")));
  for (const element of all) {
    const box = element.getBoundingClientRect();
    if (!box.width || element.disabled || element.closest(".pg-sr, option")) continue;
    const own = Array.from(element.childNodes).some((n) => n.nodeType === 3 && n.data.trim());
    const name = `${element.tagName} ${element.className?.baseVal ?? element.className} "${(element.textContent ?? "").slice(0, 30)}"`;
    if (own || element.tagName === "INPUT") {
      const ratio = contrast(element);
      if (ratio < 4.5) problems.push(`contrast ${ratio.toFixed(2)}: ${name}`);
    }
    if (element.matches("input, select, button, canvas[tabindex], [role=img]")) {
      const label =
        element.getAttribute("aria-label") ||
        element.labels?.[0]?.textContent ||
        (element.tagName === "BUTTON" && element.textContent);
      if (!label?.trim()) problems.push(`no name: ${name}`);
    }
    if (element.matches("input, select, button") && Math.min(box.width, box.height) < 24) {
      problems.push(`${box.width.toFixed(0)} x ${box.height.toFixed(0)}: ${name}`);
    }
  }
  const wide = document.documentElement.scrollWidth - innerWidth;
  if (wide > 0) problems.push(`the page is ${wide} pixels too wide`);
  return problems;
}
