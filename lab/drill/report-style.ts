/** The report's style: light and dark by the reader's preference, no external resource. */
export const STYLE = `
:root{color-scheme:light dark;--bg:#fbfaf8;--card:#fff;--ink:#1c1f24;--soft:#5d6673;--line:#e4e1db;--grid:#eceae5;--a:#2f6fd0;--b:#d9772b;
--ok:#1d7f4e;--ok-bg:#e3f3ea;--bad:#b3261e;--bad-bg:#fbe6e4;--outage:#b3261e14;--mark:#7a4fb5}
@media (prefers-color-scheme:dark){:root{--bg:#14161a;--card:#1b1e24;--ink:#e8e6e1;--soft:#9aa3af;--line:#2d323b;--grid:#262a32;--a:#6ea8ff;--b:#f0a35e;
--ok:#6fd19d;--ok-bg:#17332a;--bad:#ff8a80;--bad-bg:#3a1d1c;--outage:#ff8a801c;--mark:#b998ec}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",sans-serif;-webkit-font-smoothing:antialiased}
main{max-width:1080px;margin:0 auto;padding:44px 28px 72px}
header{display:flex;gap:24px;align-items:flex-start;justify-content:space-between}
h1{font-size:30px;line-height:1.2;margin:2px 0 10px;letter-spacing:-.015em}
h2{font-size:17px;margin:44px 0 14px;letter-spacing:-.005em}
.over{color:var(--soft);font-size:13px;margin:0}
.story{max-width:72ch;color:var(--soft);margin:0}
.verdict{flex:none;font-weight:650;border-radius:999px;padding:8px 18px;font-size:16px}
.pass{color:var(--ok);background:var(--ok-bg)}.fail{color:var(--bad);background:var(--bad-bg)}
.reasons{background:var(--bad-bg);color:var(--bad);border-radius:12px;padding:14px 20px 14px 36px;margin:22px 0 0}
.cards{display:grid;grid-template-columns:repeat(4,1fr);gap:14px;margin-top:30px}
.card,.panel{background:var(--card);border:1px solid var(--line);border-radius:14px}
.card{padding:16px 18px}.card h3{margin:0;font-size:13px;font-weight:550;color:var(--soft)}
.card .big{font-size:30px;font-weight:640;letter-spacing:-.02em;line-height:1.25;font-variant-numeric:tabular-nums}
.card .big small{font-size:16px;font-weight:500;color:var(--soft)}
.card p{margin:2px 0 0;font-size:13px;color:var(--soft)}
.meter{height:6px;border-radius:3px;background:var(--grid);margin:8px 0 8px;overflow:hidden}.meter i{display:block;height:100%;border-radius:3px;background:var(--ok)}
.meter.over-limit i{background:var(--bad)}
.panel{padding:18px 20px;overflow-x:auto}
svg{display:block;width:100%;height:auto;min-width:720px}
svg text{fill:var(--soft);font:12px system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
svg .strong{fill:var(--ink);font-weight:600;stroke:var(--card);stroke-width:5px;paint-order:stroke;stroke-linejoin:round}
.legend{display:flex;gap:20px;flex-wrap:wrap;font-size:13px;color:var(--soft);margin:0 0 10px}
.legend i{display:inline-block;width:11px;height:11px;border-radius:3px;margin-right:7px;vertical-align:-1px}
ul.promises{list-style:none;margin:0;padding:0}
ul.promises li{display:grid;grid-template-columns:26px 1fr;padding:9px 0;border-bottom:1px solid var(--line)}ul.promises li:last-child{border:0}
ul.promises b{font-weight:650}.tick{color:var(--ok)}.cross{color:var(--bad)}
ul.promises span.why{color:var(--bad);display:block;font-size:14px}
table{width:100%;border-collapse:collapse;font-size:14px;font-variant-numeric:tabular-nums}
th{text-align:left;font-weight:550;color:var(--soft);font-size:13px}th,td{padding:7px 12px 7px 0;border-bottom:1px solid var(--line);vertical-align:top}
tr:last-child td{border-bottom:0}td.n,th.n{text-align:right}td.t{white-space:nowrap;color:var(--soft)}
td.bar{width:34%;vertical-align:middle}td.bar i{display:block;height:9px;border-radius:3px;background:var(--a);min-width:2px}
.kind-fault td{color:var(--bad);font-weight:550}.kind-drill td:last-child{color:var(--soft)}
.note{color:var(--soft);font-size:13px;margin:12px 0 0;max-width:80ch}
footer{margin-top:52px;color:var(--soft);font-size:13px;border-top:1px solid var(--line);padding-top:16px}
@media (max-width:820px){.cards{grid-template-columns:repeat(2,1fr)}header{flex-direction:column-reverse;gap:10px}main{padding:28px 16px 48px}}
@media print{body{background:#fff}.panel,.card{break-inside:avoid}}
`;
