'use strict';
/**
 * Preload for Node processes that stand in a zone of the lab (`NODE_OPTIONS=--require …/shim.cjs`): connections to names that are not
 * loopback leave through the lab's network, which says per zone what reaches what. TLS is not modelled: a TLS connection to a name of
 * the lab is a plain one that says it is encrypted, since no certificate could be valid for names that are not ours.
 */
const module_ = require('node:module');
const net = require('node:net');
const tls = require('node:tls');

const service = process.env.LAB_NETWORK_URL;
const LOOPBACK = /^(localhost|.*\.localhost|127\.\d+\.\d+\.\d+|0\.0\.0\.0|::1|::|::ffff:127\..*)$/i;
const LOOKUP_TIMEOUT_MS = 5000;
const ENOTFOUND_ERRNO = -3008;
const EAI_AGAIN_ERRNO = -3001;

const connect = net.Socket.prototype.connect;
const tlsConnect = tls.connect;

if (service) {
  net.Socket.prototype.connect = routedConnect;
  tls.connect = plainTlsConnect;
  module_.syncBuiltinESMExports();
}

function routedConnect(...args) {
  const [options, callback] = Array.isArray(args[0]) ? args[0] : net._normalizeArgs(args);
  if (!isRouted(options)) return connect.apply(this, args);
  if (callback) this.once('connect', callback);
  // As while a name is being resolved: writes are queued, timeouts run, destroy() works.
  this.connecting = true;
  route(options.host, Number(options.port), (error, port) => {
    if (this.destroyed) return;
    if (error) this.destroy(error);
    else connect.call(this, { ...options, host: '127.0.0.1', port, family: 4, localAddress: undefined, lookup: undefined });
  });
  return this;
}

function plainTlsConnect(...args) {
  const [given, callback] = net._normalizeArgs(args);
  const options = Object.assign({}, given, ...args.filter((arg) => arg !== null && typeof arg === 'object'));
  if (options.socket || !isRouted(options)) return tlsConnect.apply(this, args);
  const socket = net.connect(options);
  Object.assign(socket, {
    encrypted: true,
    authorized: true,
    alpnProtocol: false,
    getPeerCertificate: () => ({}),
    getSession: () => undefined,
    isSessionReused: () => false,
  });
  if (callback) socket.once('secureConnect', callback);
  socket.once('connect', () => socket.emit('secureConnect'));
  return socket;
}

function isRouted(options) {
  return !options.path && Boolean(options.host) && !LOOPBACK.test(options.host);
}

/** Asks the lab's name server for the loopback port of a name, over a socket of its own so that nobody's agent or hook sees it. */
function route(host, port, callback) {
  const { hostname, port: servicePort, pathname } = new URL(service);
  const socket = new net.Socket();
  let answer = '';
  socket.setEncoding('latin1');
  socket.setTimeout(LOOKUP_TIMEOUT_MS, () => socket.destroy(new Error('timeout')));
  socket.on('data', (text) => {
    answer += text;
  });
  socket.on('error', () => {});
  socket.once('close', () => {
    const status = / (\d{3}) /.exec(answer)?.[1];
    if (status === '200') callback(null, Number(answer.slice(answer.indexOf('\r\n\r\n') + 4)));
    else callback(nameError(host, status === '404' ? 'ENOTFOUND' : 'EAI_AGAIN'));
  });
  connect.call(socket, { host: hostname, port: Number(servicePort) });
  socket.end(`GET ${pathname}/${encodeURIComponent(host)}/${port} HTTP/1.0\r\n\r\n`);
}

function nameError(hostname, code) {
  const errno = code === 'ENOTFOUND' ? ENOTFOUND_ERRNO : EAI_AGAIN_ERRNO;
  return Object.assign(new Error(`getaddrinfo ${code} ${hostname}`), { errno, code, syscall: 'getaddrinfo', hostname });
}
