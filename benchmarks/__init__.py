"""How fast Runfold is, measured on the machine at hand; benchmarks are not tests."""
