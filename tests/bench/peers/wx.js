// Peer (d): the official SDK. `node wx.js ADDRESS [CALLS]` prints the milliseconds of CPU that a warm call takes.
process.env.TENCENTCLOUD_RUNENV = "SCF";
process.env.TENCENTCLOUD_SECRETID = process.env.TENCENTCLOUD_SECRETKEY = process.env.TENCENTCLOUD_SESSIONTOKEN = "x";
process.env.TENCENTCLOUD_REGION = "ap-shanghai";
process.env.SCF_NAMESPACE = "default";
const cloud = require("wx-server-sdk");
cloud.init({ env: "bench", serviceUrl: process.argv[2] });

async function main(calls) {
  const first = await cloud.openapi.operation.getGrayReleasePlan();
  if (first.errCode !== 0 || first.grayReleasePlan.grayPercentage !== 8) throw new Error(JSON.stringify(first));
  console.error(); // the bench stops its clock
  const before = process.cpuUsage();
  for (let call = 0; call < calls; call++) await cloud.openapi.operation.getGrayReleasePlan();
  const spent = process.cpuUsage(before);
  if (calls) console.log((spent.user + spent.system) / 1000 / calls);
}

main(Number(process.argv[3] || 0));
