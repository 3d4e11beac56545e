// Links that make a report of the result around them: one HTML file with its text, pictures and data, for others. The
// document around it comes from the server. What only this page can do is left out, and the file holds no script.
const ONLY_HERE = '.page-only, .keep-report, .keep-picture, input, button, script', REPORT_FAILED = 'Not made: no answer. Try again.';

// The pictures themselves in place of their addresses: elsewhere, and after a while, nothing answers there.
function embedPictures(result, copy) {
  const shown = result.querySelectorAll('img');
  copy.querySelectorAll('img').forEach((one, place) => {
    if (one.src.startsWith('data:')) return;
    const canvas = document.createElement('canvas');
    canvas.width = shown[place].naturalWidth; canvas.height = shown[place].naturalHeight;
    canvas.getContext('2d').drawImage(shown[place], 0, 0);
    one.src = canvas.toDataURL('image/png');
  });
}

function withoutControls(result) {
  const copy = result.cloneNode(true);
  embedPictures(result, copy);
  copy.querySelectorAll('.wipe').forEach((one) => one.replaceWith(one.querySelector('img')));
  copy.querySelectorAll(ONLY_HERE).forEach((one) => one.remove());
  copy.querySelectorAll('details').forEach((one) => { one.open = true; });
  copy.classList.remove('stale');
  return copy.outerHTML;
}

function asText(text) {
  const element = document.createElement('i');
  element.textContent = text;
  return element.innerHTML;
}

async function makeReport(link) {
  const answer = await fetch('report.html').catch(() => null);
  if (!answer || !answer.ok) { link.textContent = REPORT_FAILED; return; }
  const title = asText(link.dataset.title), body = withoutControls(link.closest('.result'));
  const text = (await answer.text()).replaceAll('%TITLE%', () => title).replace('%BODY%', () => body);
  const file = document.createElement('a');
  file.href = URL.createObjectURL(new Blob([text], { type: 'text/html' }));
  file.download = link.download;
  file.click();
  setTimeout(() => URL.revokeObjectURL(file.href), 60000);
}

document.addEventListener('click', (event) => {
  const link = event.target.closest('a.keep-report');
  if (!link) return;
  event.preventDefault();
  makeReport(link);
});
