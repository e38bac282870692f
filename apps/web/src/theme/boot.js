// Applies the chosen theme before the first paint. A script of its own, in front of everything,
// since the content security policy allows none inside the page.
(() => {
  let choice = null;
  try {
    choice = localStorage.getItem("peregrine.theme");
  } catch {}
  const isDark =
    choice === "dark" || (choice !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset.theme = isDark ? "dark" : "light";
})();
