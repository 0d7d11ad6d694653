"""A game on known latents, for sources whose pictures a program has drawn."""

from ..cells.adversarial import Adversarial
from ..cells.game import GameRates, LazyR1
from ..cells.known import Known
from ..cells.likeness import Likeness
from ..cells.trainable import All
from ..method import Method, RunDefaults, register

KNOWN_LATENTS_GAME = register(
    Method(
        name="known_latents_game",
        title="Game on known latents",
        paper="Isola et al., Image-to-Image Translation with Conditional Adversarial Networks "
        "(CVPR 2017)",
        objective=Adversarial(
            adversarial_loss="relativistic",
            rates=GameRates(learning_rate=0.0003),
            r1=LazyR1(r1_gamma=0.1),
        ),
        trainable=All(),
        latents=Known(),
        regularizers=(Likeness(),),
        run=RunDefaults(steps=1000, batch_size=32, ema_decay=0.99),
        from_scratch=True,
    )
)
