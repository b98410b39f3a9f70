// BullMQ. `node app.js` works; with arguments it adds jobs.
const { Queue, Worker } = require('bullmq');
const { feed, run, slots, url } = require('../../jobs/work.js');

const { hostname, port } = new URL(url);
const connection = { host: hostname, port: Number(port) };

async function main(args) {
  if (args.length === 0) {
    new Worker('bench', async (job) => run(job.data), { connection, concurrency: slots });
    return;
  }
  const queue = new Queue('bench', { connection });
  await queue.waitUntilReady();
  await feed(
    args,
    (data) => queue.add('job', data),
    (page) => queue.addBulk(page.map((data) => ({ name: 'job', data }))),
  );
  await queue.close();
}

main(process.argv.slice(2));
