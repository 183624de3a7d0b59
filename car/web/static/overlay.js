/** Commands drawn as the way they would take over a picture of the road. */

const STEPS = 14;

/** Draw the way of a command into a box; `dashed` for a wish that nobody follows. */
export function drawWay(context, { left, top, width, height }, command, fill, { dashed = false } = {}) {
  const reach = height * (0.3 + 0.22 * Math.min(1, Math.abs(command.throttle)));
  const point = (share, side) => {
    const taper = (1 - 0.62 * share) * width * 0.085 * side;
    return [left + width / 2 + command.steering * share * share * width * 0.36 + taper, top + height - share * reach];
  };
  context.save();
  context.beginPath();
  if (dashed) {
    for (let i = 0; i <= STEPS; i += 1) context.lineTo(...point(i / STEPS, 0));
    context.setLineDash([7, 6]);
    context.lineWidth = 3;
    context.lineCap = "round";
    context.strokeStyle = fill;
    context.stroke();
  } else {
    for (let i = 0; i <= STEPS; i += 1) context.lineTo(...point(i / STEPS, -1));
    for (let i = STEPS; i >= 0; i -= 1) context.lineTo(...point(i / STEPS, 1));
    context.closePath();
    const fade = context.createLinearGradient(0, top + height, 0, top + height - reach);
    fade.addColorStop(0, fill);
    fade.addColorStop(1, "rgb(255 255 255 / 0)");
    context.fillStyle = fade;
    context.globalAlpha = 0.8;
    context.fill();
    context.globalAlpha = 1;
  }
  context.restore();
}

/** Draw a needle for steering along the lower edge and a bar for throttle along the right edge. */
export function drawGauges(context, { left, top, width, height }, command, steeringColour, throttleColour) {
  const middle = left + width / 2, span = width * 0.3, y = top + height - 12;
  context.save();
  context.lineCap = "round";
  line(context, "rgb(0 0 0 / 45%)", 8, [middle - span, y], [middle + span, y]);
  line(context, "rgb(255 255 255 / 85%)", 2, [middle, y - 5], [middle, y + 5]);
  line(context, steeringColour, 5, [middle, y], [middle + command.steering * span, y]);
  const x = left + width - 12, [low, high] = [top + height - 22, top + height * 0.42], centre = (low + high) / 2;
  line(context, "rgb(0 0 0 / 45%)", 8, [x, low], [x, high]);
  line(context, "rgb(255 255 255 / 85%)", 2, [x - 5, centre], [x + 5, centre]);
  line(context, throttleColour, 5, [x, centre], [x, centre - (command.throttle * (low - high)) / 2]);
  context.restore();
}

function line(context, stroke, width, from, to) {
  context.strokeStyle = stroke;
  context.lineWidth = width;
  context.beginPath();
  context.moveTo(...from);
  context.lineTo(...to);
  context.stroke();
}
