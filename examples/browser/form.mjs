// A form for one row, made from the columns of a model.

import { element, shown, shownName } from "./elements.mjs";

const MAX_OPTIONS = 100; // more are offered while one types

/** Fields for the columns that have influence, and a function that gives the row as raw cells. */
export function formFields(columns) {
  const fields = columns.filter((column) => column.used).map((column) => [column.name, field(column)]);
  const unused = columns.filter((column) => !column.used && column.type !== "ignored").map((column) => column.name);
  const read = () =>
    Object.fromEntries([...fields.map(([name, { read }]) => [name, read()]), ...unused.map((name) => [name, null])]);
  return { elements: fields.map(([, { label }]) => label), read };
}

function field(column) {
  const { control, hint, read, after } = makers[column.type](column);
  const label = element(
    "label",
    {},
    `${shownName(column.name)} `,
    element("span", { className: "hint" }, hint),
    control,
  );
  if (after) label.append(after);
  return { label, read };
}

const makers = {
  number({ affix, percent }) {
    const control = element("input", { type: "number", step: "any", placeholder: "missing" });
    const hint = [affix, percent && "12 % is 0.12"].filter(Boolean).join(", ");
    return { control, hint: shown(hint), read: () => (control.value === "" ? null : control.valueAsNumber) };
  },

  boolean() {
    return choice([
      ["true", true],
      ["false", false],
    ]);
  },

  date({ pattern, inputs }) {
    const hasTime = inputs.some(({ part }) => part === "hour");
    const type = pattern === "time" ? "time" : hasTime ? "datetime-local" : "date";
    const control = element("input", {
      type,
      max: type === "time" ? "" : type === "date" ? "9999-12-31" : "9999-12-31T23:59",
    });
    return { control, hint: "", read: () => control.value || null };
  },

  category({ name, categories }) {
    const texts = categories.filter(Boolean);
    if (texts.length <= MAX_OPTIONS) {
      let other = "other";
      while (categories.includes(other)) other += "?";
      return choice([...texts.map((text) => [shown(text), text]), ["another, which training never saw", other]]);
    }
    const id = `categories-${name}`;
    const control = element("input", { type: "text", placeholder: "missing", autocomplete: "off" });
    control.setAttribute("list", id);
    const after = element("datalist", { id }, ...texts.map((text) => element("option", { value: text })));
    return { control, after, hint: `${texts.length} known`, read: () => control.value || null };
  },
};

function choice(options) {
  const all = [["missing", null], ...options];
  const control = element("select", {}, ...all.map(([text], i) => element("option", { value: i }, text)));
  return { control, hint: "", read: () => all[control.value][1] };
}
