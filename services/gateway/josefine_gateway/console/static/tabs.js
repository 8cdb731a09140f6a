// Tabs by the pattern of the ARIA authoring practices: one stop for Tab, arrows between them, a link for each.

/**
 * Shows the tab that the address names, and follows address and arrows. `shown` hears the name of each.
 * Panels have other ids than the names: a browser would scroll and move the focus to what the address names.
 */
export function tabs(names, shown) {
  const tab = (name) => document.getElementById(`tab-${name}`);
  const show = (name) => {
    for (const each of names) {
      const selected = each === name;
      tab(each).setAttribute("aria-selected", String(selected));
      tab(each).tabIndex = selected ? 0 : -1;
      document.getElementById(`panel-${each}`).hidden = !selected;
    }
    shown(name);
  };
  const named = () => {
    const name = location.hash.slice(1);
    return names.includes(name) ? name : names[0];
  };
  const go = (name) => {
    history.replaceState(null, "", `#${name}`);
    show(name);
  };
  const moves = { ArrowRight: 1, ArrowLeft: -1, Home: -Infinity, End: Infinity };
  for (const [at, name] of names.entries()) {
    tab(name).addEventListener("click", () => go(name));
    tab(name).addEventListener("keydown", (event) => {
      const move = moves[event.key];
      if (!move) return;
      event.preventDefault();
      const to = Number.isFinite(move) ? (at + move + names.length) % names.length : move > 0 ? names.length - 1 : 0;
      go(names[to]);
      tab(names[to]).focus();
    });
  }
  addEventListener("hashchange", () => {
    // The skip link's target is no view.
    if (names.includes(location.hash.slice(1))) show(named());
  });
  show(named());
}
