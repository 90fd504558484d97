"""What a scan from head to thigh shows above and below the chest; crude."""
