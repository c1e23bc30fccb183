/** The page's only script: asks for the page again every 5 s while it is looked at, and swaps the parts that changed. */
export const REFRESH = `
(() => {
  const EVERY_MS = 5000;
  const note = document.getElementById('refresh');
  const isSelected = (part) => {
    const selection = getSelection();
    return selection !== null && !selection.isCollapsed && selection.containsNode(part, true);
  };
  const swap = (page) => {
    document.title = page.title;
    for (const part of document.querySelectorAll('[data-live]')) {
      const next = page.getElementById(part.id);
      if (next === null || next.innerHTML === part.innerHTML || isSelected(part)) continue;
      const focused = part.contains(document.activeElement) ? document.activeElement.id : '';
      part.replaceChildren(...next.childNodes);
      if (focused !== '') document.getElementById(focused)?.focus({ preventScroll: true });
    }
  };
  const refresh = async () => {
    if (!document.hidden) {
      try {
        const answer = await fetch(location.href, { cache: 'no-store', signal: AbortSignal.timeout(EVERY_MS) });
        if (!answer.ok) throw new Error('the exporter answers with status ' + answer.status);
        swap(new DOMParser().parseFromString(await answer.text(), 'text/html'));
        document.body.classList.remove('stale');
        note.textContent = 'Live, every 5 s';
      } catch (error) {
        document.body.classList.add('stale');
        note.textContent = 'Not live: ' + (error instanceof TypeError ? 'the exporter cannot be reached' : error.message);
      }
    }
    setTimeout(refresh, EVERY_MS);
  };
  note.textContent = 'Live, every 5 s';
  setTimeout(refresh, EVERY_MS);
})();
`;
