"""The commands of ``tf-fewshot``: flags in, calls of the library out."""
