/** The style sheet of the page that lists a folder, for light and dark screens and for phones. */
export const LISTING_STYLE = `
:root { color-scheme: light dark; --line: #ddd; --soft: #666; --link: #0b57d0; }
@media (prefers-color-scheme: dark) {
  :root { --line: #3a3a3a; --soft: #a0a0a0; --link: #8ab4f8; }
}
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 60rem; padding: 1rem; }
h1 { font-size: 1.25rem; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; }
th, td { border-bottom: 1px solid var(--line); padding: .4rem .5rem; text-align: left; }
td.name { overflow-wrap: anywhere; white-space: pre-wrap; }
.size, .date { color: var(--soft); font-variant-numeric: tabular-nums; white-space: nowrap; width: 1%; }
.size { text-align: right; }
a { color: var(--link); text-decoration: none; }
a:hover, a:focus { text-decoration: underline; }
tbody tr:hover { background: color-mix(in srgb, currentcolor 6%, transparent); }
@media (max-width: 32rem) {
  body { padding: .5rem; }
  th, td { padding: .6rem .25rem; }
  .date { display: none; }
}
`;
