/** How two lists of scores rank the same rows. */

/** Ranks from 1, ties share their mean. */
function ranks(numbers) {
  const order = [...numbers.keys()].sort((a, b) => numbers[a] - numbers[b]);
  const rank = new Float64Array(numbers.length);
  for (let i = 0; i < order.length;) {
    let end = i;
    while (end < order.length && numbers[order[end]] === numbers[order[i]]) end++;
    for (let k = i; k < end; k++) rank[order[k]] = (i + end + 1) / 2;
    i = end;
  }
  return rank;
}

export function rocAuc(scores, labels) {
  const rank = ranks(scores);
  const positives = labels.reduce((sum, label) => sum + label, 0);
  const sum = rank.reduce((total, r, i) => total + r * labels[i], 0);
  return (sum - (positives * (positives + 1)) / 2) / (positives * (labels.length - positives));
}

/** Spearman's. */
export function rankCorrelation(a, b) {
  const x = ranks(a);
  const y = ranks(b);
  const mean = (x.length + 1) / 2;
  let xy = 0;
  let xx = 0;
  let yy = 0;
  for (let i = 0; i < x.length; i++) {
    xy += (x[i] - mean) * (y[i] - mean);
    xx += (x[i] - mean) ** 2;
    yy += (y[i] - mean) ** 2;
  }
  return xy / Math.sqrt(xx * yy);
}
