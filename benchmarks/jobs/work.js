// What a job of a benchmark does in the Node peers, and their producer: as work.py, feeding.py.
const fs = require('fs');

const TEXT = 'x'.repeat(170);
const PAGE = 500;
const WARM = 100;

const jobs = {
  no_op: ({ text, number }) => ({ ok: !!text, number }),
  stamp: ({ text, number }) => {
    const late = process.hrtime.bigint() - BigInt(number);
    fs.appendFileSync(process.env.BENCH_LOG, `${late}\n`);
    return { ok: !!text, number };
  },
  pause: async ({ text, number }) => {
    await rest(50);
    return { ok: !!text, number };
  },
};

const rest = (ms) => new Promise((done) => setTimeout(done, ms));

// one(data), many([data, ...]): each gives a promise
async function feed([count, how, every], one, many) {
  count = Number(count);
  if (every) {
    for (let n = 0; n < count; n++) {
      // as text: a number of this size would lose its last digits
      await one({ text: TEXT, number: String(process.hrtime.bigint()) });
      await rest(Number(every));
    }
    return answer(count, 1);
  }
  const data = [];
  for (let n = 0; n < count; n++) data.push({ text: TEXT, number: n });
  let started;
  if (how === 'many') {
    await many(data.slice(0, PAGE));
    started = process.hrtime.bigint();
    for (let start = PAGE; start < count; start += PAGE) await many(data.slice(start, start + PAGE));
    return answer(count - PAGE, Number(process.hrtime.bigint() - started) / 1e9);
  }
  for (const each of data.slice(0, WARM)) await one(each);
  started = process.hrtime.bigint();
  for (const each of data.slice(WARM)) await one(each);
  answer(count - WARM, Number(process.hrtime.bigint() - started) / 1e9);
}

const answer = (timed, seconds) => console.log(JSON.stringify({ rate: timed / seconds }));

module.exports = {
  feed,
  run: jobs[process.env.BENCH_JOB || 'no_op'],
  slots: Number(process.env.BENCH_SLOTS || 10),
  url: process.env.BENCH_REDIS_URL,
};
