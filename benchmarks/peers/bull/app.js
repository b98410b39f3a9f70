// Bull 4. `node app.js` works; with arguments it adds jobs.
const Queue = require('bull');
const { feed, run, slots, url } = require('../../jobs/work.js');

const queue = new Queue('bench', url);

async function main(args) {
  await queue.isReady();
  if (args.length === 0) {
    queue.process(slots, async (job) => run(job.data));
    return;
  }
  await feed(
    args,
    (data) => queue.add(data),
    (page) => queue.addBulk(page.map((data) => ({ data }))),
  );
  await queue.close();
}

main(process.argv.slice(2));
