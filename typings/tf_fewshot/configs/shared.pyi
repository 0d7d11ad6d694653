# Where configs/shared.py is once installed, which pyright does not know.
from configs.shared import adversarial as adversarial
from configs.shared import latent_table as latent_table
from configs.shared import new_source as new_source
from configs.shared import reconstruction as reconstruction
