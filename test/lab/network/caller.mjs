// A process in a zone, as the tests start it: tries what its argument says and prints what happened as one JSON object.
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import tls from 'node:tls';
import pg from 'pg';

const outcome = (promise) =>
  promise.then(
    (value) => ({ value }),
    (error) => ({ error: String(error.cause?.code ?? error.code ?? error.name), hostname: error.hostname }),
  );

const get = (module, url) =>
  new Promise((resolve, reject) => {
    const request = module.get(url, { agent: new module.Agent({ keepAlive: true }) }, async (response) => {
      response.setEncoding('utf8');
      let text = '';
      for await (const part of response) text += part;
      resolve(text);
      request.destroy();
    });
    request.on('error', reject);
  });

const query = async (host, ssl) => {
  const client = new pg.Client({ host, port: 5432, user: 'u', password: 'p', database: 'd', ssl, connectionTimeoutMillis: 2000 });
  await client.connect();
  try {
    return (await client.query('select 1')).command;
  } finally {
    await client.end();
  }
};

const raw = () =>
  new Promise((resolve, reject) => {
    const socket = net.connect(80, 'api.example');
    const connecting = socket.connecting;
    socket.write('GET / HTTP/1.0\r\n\r\n');
    socket.once('error', reject);
    socket.once('data', (data) => {
      resolve({ connecting, pendingAfter: socket.connecting, status: data.toString().split('\r\n')[0] });
      socket.destroy();
    });
  });

const destroyed = () =>
  new Promise((resolve) => {
    const events = [];
    const socket = net.connect(80, 'api.example', () => events.push('connect'));
    socket.on('close', () => events.push('close'));
    socket.destroy();
    setTimeout(() => resolve(events), 100);
  });

const timesOut = () =>
  new Promise((resolve) => {
    const socket = net.connect({ port: 80, host: 'dark.example', timeout: 100 });
    socket.once('timeout', () => {
      resolve('timeout');
      socket.destroy();
    });
  });

const secure = () =>
  new Promise((resolve, reject) => {
    const socket = tls.connect({ host: 'api.example', port: 443, servername: 'api.example' }, () => {
      resolve({ authorized: socket.authorized, encrypted: socket.encrypted });
      socket.destroy();
    });
    socket.on('error', reject);
  });

const trials = {
  fetch: async () => (await fetch('http://api.example/x')).text(),
  'fetch https': async () => (await fetch('https://api.example/x')).text(),
  'fetch loopback': async () => (await fetch(process.env.LOOPBACK)).text(),
  'fetch unknown': async () => (await fetch('http://nowhere.example/')).text(),
  'fetch withdrawn': async () => (await fetch('http://gone.example/')).text(),
  'fetch dark': async () => (await fetch('http://dark.example/', { signal: AbortSignal.timeout(200) })).text(),
  http: () => get(http, 'http://api.example/x'),
  https: () => get(https, 'https://api.example/x'),
  'http unknown': () => get(http, 'http://nowhere.example/x'),
  pg: () => query('db.example', false),
  'pg unknown': () => query('nowhere.example', false),
  'pg dark': () => query('dark.example', false),
  net: raw,
  destroyed,
  timeout: timesOut,
  tls: secure,
};
const results = await Promise.all(Object.entries(trials).map(async ([name, trial]) => [name, await outcome(trial())]));
process.stdout.write(JSON.stringify(Object.fromEntries(results)));
