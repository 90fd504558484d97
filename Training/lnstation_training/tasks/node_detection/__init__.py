"""Finding every visible node on CT by segmentation (after OSLN, Zhu et al. 2020, Sec. 3.1)."""
