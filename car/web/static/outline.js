/** The geometry of a line that is drawn by hand: points in metres, [x, y]. */

const SPACING_M = 0.02, HANDLE_M = 0.7, MIN_HANDLES = 6, MAX_HANDLES = 40, STEPS = 8, SMOOTH_SHARE = 0.02;

const distance = (one, other) => Math.hypot(one[0] - other[0], one[1] - other[1]);

/** Points at equal distances along a closed line. */
function resampled(line, count) {
  const closed = [...line, line[0]], way = [0];
  for (let index = 1; index < closed.length; index++) way.push(way[index - 1] + distance(closed[index], closed[index - 1]));
  const result = [];
  for (let number = 0, index = 1; number < count; number++) {
    const wanted = way.at(-1) * number / count;
    while (way[index] < wanted) index++;
    const share = (wanted - way[index - 1]) / (way[index] - way[index - 1] || 1), from = closed[index - 1], to = closed[index];
    result.push([from[0] + share * (to[0] - from[0]), from[1] + share * (to[1] - from[1])]);
  }
  return result;
}

/** A closed line as the means of its own neighbourhoods; twice, so that no corner is left. */
function smoothed(line, reach) {
  for (let time = 0; time < 2; time++) {
    line = line.map((_, index) => {
      let [x, y] = [0, 0];
      for (let shift = -reach; shift <= reach; shift++) {
        const near = line[(index + shift + line.length) % line.length];
        x += near[0];
        y += near[1];
      }
      return [x / (2 * reach + 1), y / (2 * reach + 1)];
    });
  }
  return line;
}

/** The points through which a lane goes that was drawn in one stroke; none where the stroke is no loop. */
export function pointsOfStroke(stroke, leastM) {
  let long = 0;
  for (let index = 1; index < stroke.length; index++) long += distance(stroke[index], stroke[index - 1]);
  if (long < leastM || distance(stroke[0], stroke.at(-1)) > 0.3 * long) return [];
  const fine = resampled(stroke, Math.round(long / SPACING_M));
  const smooth = smoothed(fine, Math.max(1, Math.round(fine.length * SMOOTH_SHARE)));
  const count = Math.min(Math.max(Math.round(long / HANDLE_M), MIN_HANDLES), MAX_HANDLES);
  return resampled(smooth, count).map((point) => point.map((value) => Math.round(value * 1000) / 1000));
}

/** A closed curve through points, good enough until the car has told its own (Catmull and Rom, 1974). */
export function closedCurve(points) {
  if (points.length < 3) return [];
  return points.flatMap((_, index) => {
    const [a, b, c, d] = [-1, 0, 1, 2].map((shift) => points[(index + shift + points.length) % points.length]);
    return Array.from({ length: STEPS }, (_none, step) => {
      const t = step / STEPS;
      return [0, 1].map((axis) => 0.5 * (2 * b[axis] + (c[axis] - a[axis]) * t + (2 * a[axis] - 5 * b[axis] + 4 * c[axis] - d[axis]) * t ** 2 + (3 * b[axis] - a[axis] - 3 * c[axis] + d[axis]) * t ** 3));
    });
  });
}
