// Links of results, wherever they stand on the page: to a frame, and to keep a picture.
document.addEventListener('click', (event) => {
  const toFrame = event.target.closest('[data-go-frame]'), keep = event.target.closest('a.keep-picture');
  if (toFrame) { setPlaying(false); go(Number(toFrame.dataset.goFrame), true); canvas.scrollIntoView({ block: 'nearest' }); }
  if (keep) keep.href = keep.closest('figure').querySelector('img').src;
}, true);
