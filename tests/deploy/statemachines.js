// Lints state machines, as `make validate` does: their structure with asl-validator, each expression with jsonata.
// Usage: node tests/deploy/statemachines.js FILE... with NODE_PATH naming the folder of the two packages.
const fs = require("fs");
const aslValidator = require("asl-validator");
const jsonata = require("jsonata");

// What template.yaml puts in stands here as 1, which is right within and without quotes.
const substituted = (text) => text.replaceAll("${Partition}", "aws").replace(/\$\{\w+\}/g, "1");

function* expressions(value, path) {
  if (typeof value === "string" && value.startsWith("{%")) yield [path, value.replace(/^\{%|%\}$/g, "")];
  if (value === null || typeof value !== "object") return;
  for (const [key, inner] of Object.entries(value)) yield* expressions(inner, `${path}/${key}`);
}

let wrong = 0;
for (const file of process.argv.slice(2)) {
  const definition = JSON.parse(substituted(fs.readFileSync(file, "utf8")));
  const { isValid, errorsText } = aslValidator(definition);
  const problems = isValid ? [] : [errorsText("\n")];
  let count = 0;
  for (const [path, expression] of expressions(definition, "")) {
    count += 1;
    try {
      jsonata(expression);
    } catch (error) {
      problems.push(`${path}: ${error.message}`);
    }
  }
  if (count === 0) problems.push("not one JSONata expression");
  for (const problem of problems) console.error(`${file}: ${problem}`);
  if (problems.length === 0) console.log(`${file}: valid, ${count} expressions`);
  wrong += problems.length;
}
process.exit(wrong ? 1 : 0);
