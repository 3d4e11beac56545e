// Gradio lists every message of a kind in one box: of equal ones only the newest is left. Its title for all that cannot
// be done, also for a button that does nothing now, is "Error".
new MutationObserver(() => {
  document.querySelectorAll('.toast-title.error').forEach(({ firstChild }) => {
    if (firstChild.nodeValue.trim() === 'Error') firstChild.nodeValue = 'Not done ';
  });
  document.querySelectorAll('.toast-messages').forEach((box) => {
    const items = [...box.querySelectorAll('.toast-message-item')];
    items.forEach((item, i) => {
      item.classList.toggle('repeated', items.slice(i + 1).some((later) => later.textContent === item.textContent));
    });
  });
}).observe(document.body, { subtree: true, childList: true });
