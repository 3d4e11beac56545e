// The open tabs are part of the address (`tab`, and `panel` inside Inside the model), so a reload or a link keeps them.
const TABS = '.tab-container:not(.visually-hidden) [role=tab]', PANELS = ['attention', 'weights', 'actions'];
const kindOf = (tab) => (PANELS.includes(tab.dataset.tabId) ? 'panel' : 'tab');

function openTabs() {
  const { searchParams } = new URL(location.href);
  document.querySelectorAll(TABS).forEach((tab) => {
    const isWanted = searchParams.get(kindOf(tab)) === tab.dataset.tabId;
    if (!isWanted || tab.getAttribute('aria-selected') === 'true') return;
    tab.click();
    setTimeout(openTabs, 100);  // a click that comes before the tabs are ready is lost
  });
}

function rememberTab(tab) {
  const address = new URL(location.href);
  address.searchParams.set(kindOf(tab), tab.dataset.tabId);
  if (address.href !== location.href) history.replaceState(history.state, '', address);
}

// `changed` is called when another tab was opened. The inner tabs come on the page only when their tab is opened.
function followTabs(changed) {
  // At once: what comes on the page with the tab looks at the address. A key on a tab acts as a click.
  document.addEventListener('click', (event) => {
    const tab = event.target.closest && event.target.closest(TABS);
    if (!tab) return;
    if (event.isTrusted) rememberTab(tab);
    setTimeout(changed, 50);
  }, true);
  const holdsTabs = (node) => node.querySelector && node.querySelector('[role=tab]');
  new MutationObserver((changes) => {
    if (changes.some(({ addedNodes }) => [...addedNodes].some(holdsTabs))) openTabs();
  }).observe(document.body, { subtree: true, childList: true });
  openTabs();
}
