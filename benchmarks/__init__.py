"""How fast Runfold is, measured on this machine; benchmarks are not tests."""
