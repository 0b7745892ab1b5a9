package behaviours

func here() Backend { return Darwin }
