// A person with a browser that keeps cookies:
//     node person.mjs ADDRESS [yes|no] [USER_CODE]
// opens the address, fills in and sends the form of each page, and says what the last page shows.
// It fails only if there is none.
import { request } from 'node:http';

const [, , address, answer = 'yes', userCode = ''] = process.argv;

const cookies = new Map();

async function open(address, form) {
  const url = new URL(address);
  const cookie = [...cookies.values()]
    .filter((cookie) => cookie.host === url.host && url.pathname.startsWith(cookie.path))
    .map((cookie) => cookie.pair)
    .join('; ');
  const reply = await send(url, { cookie }, form?.toString());
  for (const line of reply.headers['set-cookie'] ?? []) {
    const [pair, ...attributes] = line.split('; ');
    const path = attributes.find((text) => text.toLowerCase().startsWith('path='))?.slice(5) ?? '/';
    const key = `${url.host} ${path} ${pair.split('=')[0]}`;
    if (/expires=thu, 01 jan 1970/i.test(line)) cookies.delete(key);
    else cookies.set(key, { host: url.host, path, pair });
  }
  return reply;
}

function send(url, headers, body) {
  const form = body === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' };
  return new Promise((resolve, reject) => {
    const method = body === undefined ? 'GET' : 'POST';
    const sent = request(url, { method, headers: { ...headers, ...form } }, async (reply) => {
      let page = '';
      try {
        for await (const piece of reply.setEncoding('utf8')) page += piece;
      } catch (error) {
        return reject(error);
      }
      return resolve({ status: reply.statusCode, headers: reply.headers, page });
    });
    sent.on('error', reject).end(body);
  });
}

function attribute(tag, name) {
  return new RegExp(`\\b${name}="([^"]*)"`).exec(tag)?.[1].replaceAll('&amp;', '&');
}

// What a form sends: its hidden fields, the code where one is typed, and the button pressed.
function filledIn(page) {
  const fields = new URLSearchParams();
  for (const [tag] of page.matchAll(/<input[^>]*>/g)) {
    const name = attribute(tag, 'name');
    fields.append(name, attribute(tag, 'value') ?? (name === 'user_code' ? userCode : ''));
  }
  if (page.includes('name="answer"')) fields.append('answer', answer);
  return fields;
}

let here = address;
let reply = await open(here);
let codeTyped = false;
for (let step = 0; step < 20; step += 1) {
  const { status, headers: { location }, page } = reply;
  const asksForCode = page.includes('type="text"');
  // Asked for the code again, the person sees that the first time was of no use.
  const form = asksForCode && codeTyped ? undefined : /<form[^>]*>/.exec(page)?.[0];
  codeTyped ||= asksForCode;
  if (location) {
    here = new URL(location, here).href;
    reply = await open(here);
  } else if (form && status === 200) {
    here = new URL(attribute(form, 'action'), here).href;
    reply = await open(here, filledIn(page));
  } else {
    console.log(`${status} ${page.replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' ').trim()}`);
    process.exit(0);
  }
}
throw new Error('there is no end to the pages');
