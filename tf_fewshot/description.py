"""What a plan would train, in words and counts."""

from __future__ import annotations

import math

from .adaptation import Plan
from .training import precision
from .training.assemble import assemble


def describe(plan: Plan) -> str:
    """The text of a dry run: losses, and path and size of everything trained.

    Nothing is trained and nothing is written but the caches of downloaded weights.
    """
    remarks: list[str] = []
    dtype = precision.POLICIES.get(plan.precision, "float32")
    made = assemble(plan.method, plan.problem(dtype, remarks.append))
    method, gan = plan.method, made.problem.gan
    lines = [
        f"{method.title}: {method.paper}",
        f"source      {plan.source_name}, {gan.architecture}, images {gan.image_shape}",
        f"pictures    {len(plan.pictures)} from {plan.pictures.source}",
        f"objective   {method.objective}",
        f"trainable   {method.trainable}",
        f"latents     {method.latents}",
        *(f"regularizer {r}" for r in method.regularizers),
        f"run         {method.run}",
        *remarks,
        *plan.pictures.notes,
    ]
    total = sum(math.prod(v.shape) for v in gan.generator.trainable_weights)
    lines.append(f"generator   {total:,} trainable weights")
    for player in made.players:
        count = sum(math.prod(v.shape) for v in player.variables)
        lines.append(
            f"\nplayer {player.name}: {count:,} weights, {len(player.variables)} variables"
        )
        lines += [f"  {math.prod(v.shape):>10,}  {v.path}" for v in player.variables]
    return "\n".join(lines)
