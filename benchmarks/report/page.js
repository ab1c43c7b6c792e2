// Buttons that choose a picture, and the theme; without this script all pictures are shown, in the system's theme.
for (const tabs of document.querySelectorAll(".tabs")) {
  const panels = [...tabs.querySelectorAll(":scope > figure")];
  const buttons = [...tabs.querySelectorAll(":scope > .buttons > button")];
  const show = (chosen) => {
    panels.forEach((panel, i) => (panel.hidden = i !== chosen));
    buttons.forEach((button, i) => button.setAttribute("aria-pressed", i === chosen));
  };
  buttons.forEach((button, i) => button.addEventListener("click", () => show(i)));
  show(0);
}

const root = document.documentElement;
const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches);
document.getElementById("theme").addEventListener("click", () => {
  root.dataset.theme = isDark() ? "light" : "dark";
});
