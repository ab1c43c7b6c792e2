// The same from TypeScript, which takes the types from the JSDoc of model.mjs; `npm run check-types` checks both.

import type { Model, Prediction, Row } from "../javascript/model.mjs";
import { load } from "./mothernet.mjs";

const model: Model = await load("survived.onnx");
const rows: Row[] = [
  { age: 30, town: "Bern" },
  { age: null, town: "a town never seen" },
];
const predictions: Prediction[] = await model.predict(rows);
for (const { label, probabilities } of predictions) {
  const largest: number = Math.max(...probabilities);
  console.log(typeof label === "string" ? label : String(label), largest.toFixed(3));
}

// @ts-expect-error a cell is no list
await model.predict([{ age: [30] }]);
// @ts-expect-error labels are of several types
const text: string = predictions[0].label;
// @ts-expect-error there is no such option
await model.predict(rows, { ignoreUnknown: true });
