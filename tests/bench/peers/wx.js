// Peer (d): WeChat's official SDK. `node wx.js ADDRESS WARM CALLS` prints on stderr the CPU seconds of a call, and the
// MiB of the process.
process.env.TENCENTCLOUD_RUNENV = "SCF";
process.env.TENCENTCLOUD_SECRETID = process.env.TENCENTCLOUD_SECRETKEY = process.env.TENCENTCLOUD_SESSIONTOKEN = "x";
process.env.TENCENTCLOUD_REGION = "ap-shanghai";
process.env.SCF_NAMESPACE = "default";
const cloud = require("wx-server-sdk");
cloud.init({ env: "bench", serviceUrl: process.argv[2] });

async function main(warm, calls) {
  const first = await cloud.openapi.operation.getGrayReleasePlan();
  if (first.errCode !== 0 || first.grayReleasePlan.grayPercentage !== 8) throw new Error(JSON.stringify(first));
  if (!calls) return console.error("{}"); // the bench stops its clock
  for (let call = 0; call < warm; call++) await cloud.openapi.operation.getGrayReleasePlan();
  const before = process.cpuUsage();
  for (let call = 0; call < calls; call++) await cloud.openapi.operation.getGrayReleasePlan();
  const spent = process.cpuUsage(before);
  const after = process.memoryUsage().rss / 2 ** 20;
  console.error(JSON.stringify({ cpu: (spent.user + spent.system) / 1e6 / calls, after }));
}

main(Number(process.argv[3] || 0), Number(process.argv[4] || 0));
