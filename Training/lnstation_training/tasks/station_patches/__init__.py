"""Stations on PET/CT, metastatic or not, by weighted patches and without pixel labels (Engelson et al. 2026).

Of ``station_classification`` the unit and the label are the same; the sample is not. There it is a cut region with
its nodes' masks, made once; here it is a patient's PET/CT, of which every epoch draws another patch by eq. 1, and
``n_staging`` takes all stations of a patient together from the same data.
"""
