// The settings as labelled selects.

import { SETTINGS } from "./settings.mjs";
import { element } from "../view.mjs";

/** @param {(name: string, value: string|number) => void} onChange */
export function makeControls(settings, onChange) {
  const groups = new Map();
  for (const [name, setting] of Object.entries(SETTINGS)) {
    if (!groups.has(setting.group)) groups.set(setting.group, []);
    groups.get(setting.group).push(field(name, setting, settings[name], onChange));
  }
  return Array.from(groups, ([title, fields]) =>
    element(
      "fieldset",
      { class: "pg-group" },
      element("legend", {}, title),
      element("div", { class: "pg-fields" }, fields),
    ),
  );
}

function field(name, { label, choices, names = {} }, value, onChange) {
  const options = choices.map((choice) =>
    element(
      "option",
      { value: choice, selected: choice === value },
      names[choice] ?? String(choice),
    ),
  );
  const select = element(
    "select",
    { id: `pg-${name}`, onchange: () => onChange(name, choices[select.selectedIndex]) },
    options,
  );
  return element("label", { class: "pg-field", for: `pg-${name}` }, label, select);
}
