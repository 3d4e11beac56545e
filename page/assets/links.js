// Links of results, wherever they stand on the page: to a frame, to another reading of the recording, and to keep a
// picture.
document.addEventListener('click', (event) => {
  const toFrame = event.target.closest('[data-go-frame]'), keep = event.target.closest('a.keep-picture');
  if (toFrame) { setPlaying(false); go(Number(toFrame.dataset.goFrame), true); canvas.scrollIntoView({ block: 'nearest' }); }
  const toSession = event.target.closest('a[data-go-session]');
  if (toSession && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
    event.preventDefault();
    const { goSession, scale } = toSession.dataset;
    reopen(goSession, Math.round(current * Number(scale)));
  }
  if (keep) keep.href = keep.closest('figure').querySelector('img').src;
}, true);
